-- Applies one batch: the writes, then the positions behind them; all of it or, after an error, no position.
-- KEYS: the positions, then the views.
-- ARGV: how many moves; field, start, end of each; then for each view the seconds that it lives
-- (0: for ever), how many writes, and field, version, value of each.
-- A write counts when the field holds no such version yet. Returns 1; or 0, having done nothing, when
-- a position is missing or behind its move's start: then the views were emptied or set back.
local moves = tonumber(ARGV[1])
local stored = {}
for m = 1, moves do
  local at = 3 * m - 1
  stored[m] = tonumber(redis.call('HGET', KEYS[1], ARGV[at]) or '-1')
  if stored[m] < tonumber(ARGV[at + 1]) then
    return 0
  end
end

local at = 3 * moves + 2
for k = 2, #KEYS do
  local seconds, writes = ARGV[at], tonumber(ARGV[at + 1])
  at = at + 2
  for _ = 1, writes do
    local held = redis.call('HGET', KEYS[k], ARGV[at])
    local version = held and tonumber(string.match(held, '^%d+')) or -1
    if tonumber(ARGV[at + 1]) > version then
      redis.call('HSET', KEYS[k], ARGV[at], ARGV[at + 1] .. '|' .. ARGV[at + 2])
    end
    at = at + 3
  end
  if seconds ~= '0' then
    redis.call('EXPIRE', KEYS[k], seconds)
  end
end

for m = 1, moves do
  at = 3 * m - 1
  if stored[m] < tonumber(ARGV[at + 2]) then
    redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 2])
  end
end
return 1
