-- Count a code against its phone, its address and the day, and store it, unless one of them has had enough.
-- KEYS: pause of the phone, counts of phone, address and day, the verification.
-- ARGV: bounds of the three counts, seconds of pause, of a day and of the code, the code's digest, the customer's id.
-- Returns 0, or the seconds until one more code may be sent.
if redis.call('EXISTS', KEYS[1]) == 1 then
  return math.max(1, redis.call('TTL', KEYS[1]))
end
for index = 1, 3 do
  local count = tonumber(redis.call('GET', KEYS[index + 1]) or '0')
  if count >= tonumber(ARGV[index]) then
    return math.max(1, redis.call('TTL', KEYS[index + 1]))
  end
end
for index = 1, 3 do
  if redis.call('INCR', KEYS[index + 1]) == 1 then
    redis.call('EXPIRE', KEYS[index + 1], ARGV[5])
  end
end
if tonumber(ARGV[4]) > 0 then
  redis.call('SET', KEYS[1], '', 'EX', ARGV[4])
end
redis.call('HSET', KEYS[5], 'code', ARGV[7], 'customer', ARGV[8])
redis.call('EXPIRE', KEYS[5], ARGV[6])
return 0
