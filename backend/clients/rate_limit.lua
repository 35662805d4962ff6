-- Admits one request when every key has room, or says how many milliseconds to wait. A refused request counts nowhere.
-- KEYS: one sorted set of admitted requests a rule. ARGV: id of the request, then count and milliseconds of each rule.
-- All times are this server's clock: the one that all processes share.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wait = 0

for i, key in ipairs(KEYS) do
  local count, window = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
  if redis.call('ZCARD', key) >= count then
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    wait = math.max(wait, tonumber(first[2]) + window - now, 1)
  end
end
if wait > 0 then return wait end

for i, key in ipairs(KEYS) do
  redis.call('ZADD', key, now, ARGV[1])
  redis.call('PEXPIRE', key, ARGV[2 * i + 1])
end
return 0
