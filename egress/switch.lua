-- Makes a new generation the current one, if the old one still is and is closed.
-- KEYS: the pointer to the current generation, the one being closed. ARGV: the old generation, the new one.
if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('DEL', KEYS[2])
return 1
