-- Books places in time for messages to a relay: each limit is an even pace (GCRA), and all of them hold at once.
-- KEYS: 1 pace (hash)
-- ARGV: 1 JSON list of limits { field, interval (ms a message), tolerance (ms ahead of the even pace) }, 2 how many places at most,
--       3 how far ahead a place may lie (ms), 4 JSON { field, max, ends_in (ms) }: so many messages until then, or "",
--       5 whether the relay's own slow-down holds for these places: "1" or ""
-- Returns: { "booked", now (ms), milliseconds from then for each place … } | { "later", milliseconds until it is worth asking again, "pace" or "ceiling" }
--- @include time
--- @include slow-down

local now = time_now()
local limits = cjson.decode(ARGV[1])
if ARGV[5] == '1' then
  local slow = slow_interval(KEYS[1], now)
  if slow > 0 then limits[#limits + 1] = { field = 'slow_next', interval = slow, tolerance = 0 } end
end

local wanted = tonumber(ARGV[2])
local ceiling = ARGV[4] ~= '' and cjson.decode(ARGV[4]) or nil
if ceiling then
  local left = ceiling.max - tonumber(redis.call('HGET', KEYS[1], ceiling.field) or '0')
  if left <= 0 then return { 'later', ceiling.ends_in, 'ceiling' } end
  wanted = math.min(wanted, left)
end

for _, limit in ipairs(limits) do limit.next = tonumber(redis.call('HGET', KEYS[1], limit.field) or '0') end

local horizon = tonumber(ARGV[3])
local waits = {}
local later = 0
for _ = 1, wanted do
  local start = now
  for _, limit in ipairs(limits) do start = math.max(start, limit.next - limit.tolerance) end
  later = start - now - horizon
  if later > 0 then break end
  for _, limit in ipairs(limits) do limit.next = math.max(limit.next, start) + limit.interval end
  waits[#waits + 1] = math.ceil(start - now)
end
if #waits == 0 then return { 'later', math.ceil(later), 'pace' } end

for _, limit in ipairs(limits) do redis.call('HSET', KEYS[1], limit.field, string.format('%.3f', limit.next)) end
if ceiling then redis.call('HINCRBY', KEYS[1], ceiling.field, #waits) end
redis.call('PEXPIRE', KEYS[1], 172800000)
return { 'booked', now, unpack(waits) }
