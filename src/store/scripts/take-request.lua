-- Counts one request against every rate that its caller is held to (GCRA): against all of them, or against none if one has no room.
-- A rate of N in a period lets N through at once, and then as many as an even pace makes room for.
-- KEYS: hashes of those who are held to rates: a field per rate, with the time (µs) at which all of it is free again
-- ARGV: for each rate: number of its hash (from 1), count, period (ms)
-- Returns: { ms to wait (0: counted), then for each rate: requests that remain, ms until all of it is free }
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local rates = {}
local wait = 0
for index = 1, #ARGV, 3 do
  local rate = { key = KEYS[tonumber(ARGV[index])], field = ARGV[index + 1] .. '/' .. ARGV[index + 2] }
  local count = tonumber(ARGV[index + 1])
  rate.period = tonumber(ARGV[index + 2])
  -- Whole microseconds: what is added up stays exact.
  rate.step = math.max(1, math.floor(rate.period * 1000 / count))
  rate.room = rate.step * count
  rate.free_at = math.max(tonumber(redis.call('HGET', rate.key, rate.field) or 0), now)
  local over = rate.free_at + rate.step - rate.room - now
  if over > 0 then wait = math.max(wait, math.ceil(over / 1000)) end
  rates[#rates + 1] = rate
end

local answer = { wait }
for _, rate in ipairs(rates) do
  if wait == 0 then
    rate.free_at = rate.free_at + rate.step
    -- Where memory is full nothing is counted: what would store anything is refused by its own script, and reads go on.
    redis.pcall('HSET', rate.key, rate.field, string.format('%.0f', rate.free_at))
    if redis.call('PTTL', rate.key) < rate.period then redis.call('PEXPIRE', rate.key, rate.period) end
  end
  answer[#answer + 1] = math.max(0, math.floor((rate.room - (rate.free_at - now)) / rate.step))
  answer[#answer + 1] = math.ceil((rate.free_at - now) / 1000)
end
return answer
