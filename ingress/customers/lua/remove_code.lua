-- Remove a code whose message was not sent, with its counts and its pause, once however often this is called.
-- KEYS: as of add_code. ARGV: the verification's id.
if redis.call('DEL', KEYS[2]) == 0 then
  return
end
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
for index = 3, #KEYS do
  local count = tonumber(redis.call('GET', KEYS[index]) or '0')
  if count > 1 then
    redis.call('DECR', KEYS[index])
  else
    redis.call('DEL', KEYS[index])
  end
end
