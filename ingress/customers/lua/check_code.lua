-- Compare a guess with the code; count it if it is wrong. Guesses in parallel are counted one after the other.
-- KEYS: the verification. ARGV: the digest of the guess, how many wrong guesses end the verification.
local known = redis.call('HMGET', KEYS[1], 'code', 'customer', 'wrong')
if not known[1] then
  return {'unknown', ''}
end
if tonumber(known[3] or '0') >= tonumber(ARGV[2]) then
  return {'exhausted', ''}
end
if known[1] == ARGV[1] then
  return {'proved', known[2]}
end
if redis.call('HINCRBY', KEYS[1], 'wrong', 1) >= tonumber(ARGV[2]) then
  return {'exhausted', ''}
end
return {'wrong', ''}
