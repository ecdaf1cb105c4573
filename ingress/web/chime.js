// Two notes for a new order, made here: there is no file to load when it matters.
const NOTES = [880, 1174.66]; // Hz: a fourth, heard through a kitchen
const EACH = 0.16; // seconds
const LOUDNESS = 0.25;

let audio = null;

/** Turn the sound on or off; on is only possible in answer to a click. */
export function sound(on) {
  if (!on) {
    audio?.close();
    audio = null;
  } else if (!audio) {
    audio = new AudioContext();
    chime();
  }
}

/** Ring, if the sound is on. */
export function chime() {
  if (!audio) return;
  NOTES.forEach((frequency, index) => {
    const start = audio.currentTime + index * EACH;
    const tone = new OscillatorNode(audio, { frequency, type: 'triangle' });
    const volume = new GainNode(audio, { gain: 0 });
    volume.gain.setValueAtTime(0, start);
    volume.gain.linearRampToValueAtTime(LOUDNESS, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, start + EACH * 2);
    tone.connect(volume).connect(audio.destination);
    tone.start(start);
    tone.stop(start + EACH * 2);
  });
}
