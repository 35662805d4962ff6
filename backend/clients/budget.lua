-- Gives back places, then grants calls to the reservation service. One round trip for a whole process.
-- KEYS: window (zset of calls), slots (zset of leases), state (hash)
-- ARGV: cap, at once, mean per second, depth seconds, browsing's share of the mean, longest call ms,
--       restarted (0 or 1), grant prefix, wanted booking, urgent, normal, browse, then triples of released id, outcome, pause ms
-- Returns: clock ms, then granted for each priority, then the wait in ms for each priority.
-- All times are this server's clock, in milliseconds: the one clock that all workers share.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window, slots, state = KEYS[1], KEYS[2], KEYS[3]
local cap, at_once, mean = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local depth, browse_mean, longest = tonumber(ARGV[4]), mean * tonumber(ARGV[5]), tonumber(ARGV[6])
local restarted, prefix = ARGV[7] == '1', ARGV[8]
local wanted = {tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])}
local BOOKING, BROWSE = 1, 4
local YIELD = 250
local BROWSE_DEPTH = 60

local function number(field) return tonumber(redis.call('HGET', state, field) or '0') end

-- A missing state means a new or a flushed server, a missing script a restarted one, which may have lost its last
-- second: nobody knows which calls are under way, so wait as long as a call may take.
if redis.call('EXISTS', state) == 0 then
  redis.call('HSET', state, 'tokens', 0, 'browse', 0, 'at', now, 'born', now, 'failures', 0, 'opened', 0)
elseif restarted then
  redis.call('HSET', state, 'born', now)
end

for i = 13, #ARGV, 3 do
  local id, outcome, pause = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
  redis.call('ZREM', slots, id)
  redis.call('ZADD', window, 'XX', now, id)
  local is_probe = redis.call('HGET', state, 'probe') == id
  local is_open = number('open_until') > 0
  if pause > 0 then redis.call('HSET', state, 'pause_until', math.max(now + pause, number('pause_until'))) end
  if is_probe then redis.call('HDEL', state, 'probe', 'probe_until') end
  if outcome == 'ok' and (is_probe or not is_open) then
    redis.call('HSET', state, 'failures', 0, 'opened', 0)
    redis.call('HDEL', state, 'open_until')
  elseif outcome == 'trouble' and (is_probe or not is_open) then
    if is_probe or redis.call('HINCRBY', state, 'failures', 1) >= 8 then
      local opened = redis.call('HINCRBY', state, 'opened', 1)
      redis.call('HSET', state, 'open_until', now + math.min(15000 * 2 ^ (opened - 1), 600000), 'failures', 0)
    end
  end
end

-- The mean: a bucket that fills by `mean` a second. A booking may overdraw it. Browsing has a small bucket of its own.
local passed = math.max(0, now - number('at')) / 1000
local tokens = math.min(mean * depth, number('tokens') + passed * mean)
local browse = math.min(math.max(1, browse_mean * BROWSE_DEPTH), number('browse') + passed * browse_mean)
-- The cap: a call may reach the service at any moment between its grant and its end, so it counts from the one until
-- 1.05 s after the other.
redis.call('ZREMRANGEBYSCORE', window, '-inf', now - 1050)
redis.call('ZREMRANGEBYSCORE', slots, '-inf', now)
local used, busy = redis.call('ZCARD', window), redis.call('ZCARD', slots)

local granted, waits = {0, 0, 0, 0}, {0, 0, 0, 0}
local blocked = math.max(number('born') + longest - now, number('pause_until') - now, number('open_until') - now)
local open_until, probing = number('open_until'), number('probe_until') - now
local total = 0

local function room_for(class)
  -- Looks leave one grant and one place to bookings, browsing one more of each to looks.
  local spare = 0
  if class > BOOKING and cap > 1 then spare = 1 end
  if class == BROWSE and cap > 2 then spare = 2 end
  local room = math.min(cap - used - spare, at_once - busy - spare)
  if class > BOOKING then room = math.min(room, math.floor(tokens)) end
  if class == BROWSE then room = math.min(room, math.floor(browse)) end
  if open_until > 0 then room = math.min(room, 1 - total) end
  return math.max(0, room)
end

local function wait_of(class)
  if class > BOOKING and tokens < 1 then return math.ceil((1 - tokens) / mean * 1000) end
  if class == BROWSE and browse < 1 then return math.ceil((1 - browse) / browse_mean * 1000) end
  local first = redis.call('ZRANGE', window, 0, 0, 'WITHSCORES')
  if used >= cap - 2 and used > 0 and tonumber(first[2]) <= now then
    return math.max(1, tonumber(first[2]) + 1051 - now)
  end
  return 50
end

for class = BOOKING, BROWSE do
  if wanted[class] > 0 then
    if blocked > 0 then
      waits[class] = blocked
    elseif open_until > 0 and probing > 0 then
      waits[class] = math.min(probing, 1000)
    else
      -- Somebody with a higher priority waits, here or in another process: let them go first.
      local yield = 0
      for higher = BOOKING, class - 1 do yield = math.max(yield, number('waiting' .. higher) - now) end
      local grant = 0
      if yield <= 0 then grant = math.min(wanted[class], room_for(class)) end
      for i = 1, grant do
        total = total + 1
        local id = prefix .. ':' .. total
        redis.call('ZADD', window, now + longest + 5000, id)
        redis.call('ZADD', slots, now + longest + 5000, id)
        if open_until > 0 then redis.call('HSET', state, 'probe', id, 'probe_until', now + longest + 5000) end
      end
      used, busy, tokens = used + grant, busy + grant, tokens - grant
      if class == BROWSE then browse = browse - grant end
      granted[class] = grant
      if grant < wanted[class] then
        waits[class] = yield > 0 and math.min(yield, YIELD) or wait_of(class)
        redis.call('HSET', state, 'waiting' .. class, now + math.min(waits[class], 1000) + YIELD)
      else
        redis.call('HDEL', state, 'waiting' .. class)
      end
    end
  end
end
redis.call('HSET', state, 'tokens', tokens, 'browse', browse, 'at', now)
redis.call('PEXPIRE', window, longest + 10000)
redis.call('PEXPIRE', slots, longest + 10000)
return {now, granted[1], granted[2], granted[3], granted[4], waits[1], waits[2], waits[3], waits[4]}
