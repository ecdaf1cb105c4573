-- Shows readers until when the views of one partition are complete, if they are.
--
-- KEYS: 1 the name of the current generation; of this generation: 2 positions, 3 watermarks.
-- ARGV[1]: a MessagePack array {generation, must_be_current, partition, as_of, ends}: as_of in milliseconds since 1970;
--   ends is {{position's field, least offset}, ...}
--
-- Returns 1. Returns 0, having done nothing, if a position is missing or before its end, or if another generation is
-- current: the views were emptied, set back or replaced.
local current_key, positions_key, watermarks_key = unpack(KEYS)
local generation, must_be_current, partition, as_of, ends = unpack(cmsgpack.unpack(ARGV[1]))

if must_be_current and redis.call('GET', current_key) ~= generation then
  return 0
end
for _, required in ipairs(ends) do
  local field, least_offset = unpack(required)
  if tonumber(redis.call('HGET', positions_key, field) or '-1') < least_offset then
    return 0
  end
end
if tonumber(redis.call('HGET', watermarks_key, partition) or '-1') < as_of then
  redis.call('HSET', watermarks_key, partition, as_of)
end
return 1
