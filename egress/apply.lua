-- Applies one batch: the writes, then the positions behind them; all of it or, after an error, no position.
-- KEYS: the pointer to the current generation, the one being closed, the generation's positions, revision
-- and changes, then the views.
-- ARGV: the generation; 1 when it must be the current one, else 0; how many moves; field, start, end of each;
-- then for each view when it expires (seconds since 1970, 0: never), how many writes, and field, version, value
-- of each.
-- A write counts when the field holds no such version yet. Returns 1; or, having done nothing: 0 when a position
-- is missing or behind its move's start, or another generation is current: then the views were emptied, set back
-- or replaced; -1 when the generation is being closed.
local generation, must_be_current = ARGV[1], ARGV[2] == '1'
if must_be_current then
  if redis.call('GET', KEYS[1]) ~= generation then
    return 0
  end
  if redis.call('GET', KEYS[2]) == generation then
    return -1
  end
end

local moves = tonumber(ARGV[3])
local stored = {}
for m = 1, moves do
  local at = 3 * m + 1
  stored[m] = tonumber(redis.call('HGET', KEYS[3], ARGV[at]) or '-1')
  if stored[m] < tonumber(ARGV[at + 1]) then
    return 0
  end
end

local now = tonumber(redis.call('TIME')[1])
local changed = {}
local at = 3 * moves + 4
for k = 6, #KEYS do
  local expires, writes, counted = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), false
  at = at + 2
  for _ = 1, writes do
    local held = redis.call('HGET', KEYS[k], ARGV[at])
    local version = held and tonumber(string.match(held, '^%d+')) or -1
    if tonumber(ARGV[at + 1]) > version then
      redis.call('HSET', KEYS[k], ARGV[at], ARGV[at + 1] .. '|' .. ARGV[at + 2])
      counted = true
    end
    at = at + 3
  end
  if counted and expires == 0 then
    changed[#changed + 1] = string.sub(KEYS[k], #generation + 2)
  elseif counted then
    local left = redis.call('TTL', KEYS[k])
    if left < 0 or now + left < expires then
      redis.call('EXPIREAT', KEYS[k], expires)
    end
  end
end

if #changed > 0 then
  local revision = redis.call('INCR', KEYS[4])
  for _, view in ipairs(changed) do
    redis.call('ZADD', KEYS[5], revision, view)
  end
end

for m = 1, moves do
  at = 3 * m + 1
  if stored[m] < tonumber(ARGV[at + 2]) then
    redis.call('HSET', KEYS[3], ARGV[at], ARGV[at + 2])
  end
end
return 1
