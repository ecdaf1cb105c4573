-- Tells until when the views of one partition hold all, if they do.
-- KEYS: the pointer to the current generation, the generation's positions and watermarks.
-- ARGV: the generation; 1 when it must be the current one, else 0; partition, instant, then field and least
-- position of each.
-- Returns 1; or 0 when a position is missing or behind, or another generation is current: then the views were
-- emptied, set back or replaced.
if ARGV[2] == '1' and redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
for i = 5, #ARGV, 2 do
  if tonumber(redis.call('HGET', KEYS[2], ARGV[i]) or '-1') < tonumber(ARGV[i + 1]) then
    return 0
  end
end
if tonumber(redis.call('HGET', KEYS[3], ARGV[3]) or '-1') < tonumber(ARGV[4]) then
  redis.call('HSET', KEYS[3], ARGV[3], ARGV[4])
end
return 1
