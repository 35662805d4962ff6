-- Grants one call to the reservation service, or says how many milliseconds to wait.
-- KEYS: window (zset of grants), slots (zset of leases), state (hash)
-- ARGV: action, id, priority, cap, mean per second, depth seconds, lease ms, argument
-- All times are this server's clock, in milliseconds: the one clock that all workers share.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window, slots, state = KEYS[1], KEYS[2], KEYS[3]
local action, id, priority = ARGV[1], ARGV[2], ARGV[3]
local cap, mean, depth, lease = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])

if action == 'release' then
  redis.call('ZREM', slots, id)
  local outcome = ARGV[8]
  if outcome == 'ok' then
    redis.call('HSET', state, 'failures', 0, 'opened', 0)
    redis.call('HDEL', state, 'open_until', 'probing_until')
  elseif outcome == 'trouble' then
    local failures = redis.call('HINCRBY', state, 'failures', 1)
    local was_probe = tonumber(redis.call('HGET', state, 'probing_until') or '0') > 0
    if failures >= 8 or was_probe then
      local opened = redis.call('HINCRBY', state, 'opened', 1)
      local pause = math.min(15000 * 2 ^ (opened - 1), 600000)
      redis.call('HSET', state, 'open_until', now + pause, 'failures', 0)
      redis.call('HDEL', state, 'probing_until')
    end
  elseif outcome == 'pause' then
    local until_at = now + tonumber(ARGV[9])
    if until_at > tonumber(redis.call('HGET', state, 'pause_until') or '0') then
      redis.call('HSET', state, 'pause_until', until_at)
    end
  end
  return {1, now}
end

-- A missing state means a new or a flushed server: nobody knows what was granted a moment ago, so wait, and start empty.
if redis.call('EXISTS', state) == 0 then
  redis.call('HSET', state, 'tokens', 0, 'at', now, 'born', now, 'failures', 0, 'opened', 0)
end
local function number(field) return tonumber(redis.call('HGET', state, field) or '0') end
local born = number('born')
if now - born < 1050 then return {0, born + 1050 - now} end

local pause_until = number('pause_until')
if pause_until > now then return {0, pause_until - now} end

local open_until = number('open_until')
if open_until > 0 then
  if open_until > now then return {0, open_until - now} end
  local probing = number('probing_until')
  if probing > now then return {0, math.min(probing - now, 1000)} end
end

-- The mean: a bucket that fills by `mean` a second. A booking may overdraw it.
local full = mean * depth
local tokens = math.min(full, number('tokens') + (now - number('at')) / 1000 * mean)
redis.call('HSET', state, 'tokens', tokens, 'at', now)
if priority ~= 'booking' and tokens < 1 then return {0, math.ceil((1 - tokens) / mean * 1000)} end

-- The cap: no more than `cap` grants in any 1.05 s, and no more than `cap` at once. Looks leave one of each to bookings.
local mine = cap
if priority ~= 'booking' and cap > 1 then mine = cap - 1 end
redis.call('ZREMRANGEBYSCORE', window, '-inf', now - 1050)
if redis.call('ZCARD', window) >= mine then
  local first = redis.call('ZRANGE', window, 0, 0, 'WITHSCORES')
  return {0, math.max(1, tonumber(first[2]) + 1051 - now)}
end
redis.call('ZREMRANGEBYSCORE', slots, '-inf', now)
if redis.call('ZCARD', slots) >= mine then return {0, 50} end

redis.call('ZADD', window, now, id)
redis.call('PEXPIRE', window, 5000)
redis.call('ZADD', slots, now + lease, id)
redis.call('PEXPIRE', slots, lease + 5000)
redis.call('HINCRBYFLOAT', state, 'tokens', -1)
if open_until > 0 then redis.call('HSET', state, 'probing_until', now + lease) end
return {1, now}
