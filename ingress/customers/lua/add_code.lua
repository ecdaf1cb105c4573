-- Count a code against each bound, and store it, unless one of the bounds is reached.
-- KEYS: pause of the phone, the verification, then the counts.
-- ARGV: seconds of pause, of a day and of the code, the verification's id, the code's digest, the customer's id, then the
-- bound of each count.
-- Returns 0, or the seconds until all of these permit one more code.
local function seconds_left(key)
  return math.max(1, math.ceil(redis.call('PTTL', key) / 1000))
end
local wait = 0
if redis.call('EXISTS', KEYS[1]) == 1 then
  wait = seconds_left(KEYS[1])
end
for index = 3, #KEYS do
  if tonumber(redis.call('GET', KEYS[index]) or '0') >= tonumber(ARGV[index + 4]) then
    wait = math.max(wait, seconds_left(KEYS[index]))
  end
end
if wait > 0 then
  return wait
end
for index = 3, #KEYS do
  if redis.call('INCR', KEYS[index]) == 1 then
    redis.call('EXPIRE', KEYS[index], ARGV[2])
  end
end
if tonumber(ARGV[1]) > 0 then
  redis.call('SET', KEYS[1], ARGV[4], 'EX', ARGV[1])
end
redis.call('HSET', KEYS[2], 'code', ARGV[5], 'customer', ARGV[6])
redis.call('EXPIRE', KEYS[2], ARGV[3])
return 0
