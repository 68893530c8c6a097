-- Stores a report that came in, and notes that it has to be read. The same one again is found and changes nothing.
-- KEYS: 1 report, 2 its content, 3 pending, 4 contents, 5 octets of all contents, 6 tenant's reports
-- ARGV: 1 id, 2 report as JSON without received_at, 3 content, 4 how long it is kept (ms), 5 octets of all contents at most,
--       6 pending reports at most, 7 reports of a tenant at most, 8 milliseconds until it is due to be read
--       9, 10 what the names of reports, and of contents, begin with
-- Returns: { "stored", report as JSON } | { "known", report as JSON } | { "full" }
--- @include time

local known = redis.call('GET', KEYS[1])
if known then return { 'known', known } end
if redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[6]) then return { 'full' } end

local now = time_now()
local octets = tonumber(redis.call('GET', KEYS[5]) or '0')
local function forget(member)
  octets = octets - tonumber(string.match(member, '^%d+'))
  redis.call('ZREM', KEYS[4], member)
end
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now, 'LIMIT', 0, 100)) do forget(member) end
-- Room is made by what was read long ago; what still waits to be read is never given up.
if octets + #ARGV[3] > tonumber(ARGV[5]) then
  for _, member in ipairs(redis.call('ZRANGE', KEYS[4], 0, 99)) do
    local id = string.match(member, ' (.+)$')
    if not redis.call('ZSCORE', KEYS[3], id) then
      forget(member)
      redis.call('DEL', ARGV[10] .. id)
    end
    if octets + #ARGV[3] <= tonumber(ARGV[5]) then break end
  end
end
if octets + #ARGV[3] > tonumber(ARGV[5]) then
  redis.call('SET', KEYS[5], octets)
  return { 'full' }
end

local report = cjson.decode(ARGV[2])
report.received_at = now
-- An empty list would come back as an object.
local text = string.gsub(cjson.encode(report), '"recipients":{}', '"recipients":[]', 1)
redis.call('SET', KEYS[1], text, 'PX', ARGV[4])
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
redis.call('ZADD', KEYS[3], now + tonumber(ARGV[8]), ARGV[1])
redis.call('ZADD', KEYS[4], now + tonumber(ARGV[4]), string.format('%d %s', #ARGV[3], ARGV[1]))
redis.call('SET', KEYS[5], octets + #ARGV[3])
redis.call('ZADD', KEYS[6], now, ARGV[1])
-- Lists run out with the last of what they name.
redis.call('ZREMRANGEBYSCORE', KEYS[6], '-inf', now - tonumber(ARGV[4]))
for index = 4, 6 do redis.call('PEXPIRE', KEYS[index], ARGV[4]) end
for _, id in ipairs(redis.call('ZRANGE', KEYS[6], 0, -tonumber(ARGV[7]) - 1)) do
  -- One that still waits is listed for as long.
  if redis.call('ZSCORE', KEYS[3], id) then break end
  redis.call('ZREM', KEYS[6], id)
  redis.call('DEL', ARGV[9] .. id)
end
return { 'stored', text }
