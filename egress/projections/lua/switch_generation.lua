-- Makes a new generation the current one, if the old one still is, and is closed.
--
-- KEYS: 1 the name of the current generation, 2 the name of the generation that is being closed.
-- ARGV: 1 the old generation, 2 the new one.
--
-- Returns 1, or 0 if nothing was done.
local current_key, closing_key = unpack(KEYS)
local old, new = unpack(ARGV)

if redis.call('GET', current_key) ~= old or redis.call('GET', closing_key) ~= old then
  return 0
end
redis.call('SET', current_key, new)
redis.call('DEL', closing_key)
return 1
