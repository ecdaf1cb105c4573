-- Tells until when the views of one partition hold all, if they do.
-- KEYS: the positions, the watermarks. ARGV: partition, instant, then field and least position of each.
-- Returns 1; or 0 when a position is missing or behind: then the views were emptied or set back.
for i = 3, #ARGV, 2 do
  if tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or '-1') < tonumber(ARGV[i + 1]) then
    return 0
  end
end
if tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '-1') < tonumber(ARGV[2]) then
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
end
return 1
