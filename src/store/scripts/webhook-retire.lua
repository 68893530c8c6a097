-- Removes consumers from the group that reads events for webhooks, but none that has unacknowledged entries: they would be lost with it.
-- KEYS: 1 events
-- ARGV: 1 consumer group, 2 idle for at least so long (ms), 3 the only consumer to look at, or ""
-- Returns: how many were removed
local removed = 0
for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for index = 1, #flat, 2 do consumer[flat[index]] = flat[index + 1] end
  if consumer.pending == 0 and consumer.idle >= tonumber(ARGV[2]) and (ARGV[3] == '' or consumer.name == ARGV[3]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
    removed = removed + 1
  end
end
return removed
