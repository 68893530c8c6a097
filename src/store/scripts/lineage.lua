-- Compares the event log with what a process has seen of it. A log that ends before that has lost what was acknowledged: it goes on
-- with numbers that nobody has seen, so that no reader takes a new event for one that it has, and it gets a new lineage, by which
-- every other process knows as well.
-- KEYS: 1 sequence, 2 lineage
-- ARGV: 1 the newest sequence number that the process has seen, 2 how many numbers are left out, 3 a word for a new lineage
-- Returns: { lineage, the newest sequence number that was found, the one that the log goes on behind }
local found = tonumber(redis.call('GET', KEYS[1]) or '0')
local lineage = redis.call('GET', KEYS[2])
local seen = tonumber(ARGV[1])
if found >= seen then
  if not lineage then
    lineage = ARGV[3]
    redis.call('SET', KEYS[2], lineage)
  end
  return { lineage, found, found }
end
-- Others may have seen more than this one, and have not come back yet.
local start = seen + tonumber(ARGV[2])
redis.call('SET', KEYS[1], string.format('%d', start))
redis.call('SET', KEYS[2], ARGV[3])
return { ARGV[3], found, start }
