-- Takes out of the index by owner what is not open: nothing, unless somebody took a message's keys away.
-- KEYS: 1 open, 2 open by owner
-- ARGV: 1 cursor, 2 how many to look at
-- Returns: { next cursor, how many were taken out }
local slice = redis.call('ZSCAN', KEYS[2], ARGV[1], 'COUNT', ARGV[2])
local gone = 0
for index = 1, #slice[2], 2 do
  local member = slice[2][index]
  if not redis.call('ZSCORE', KEYS[1], string.match(member, '[^:]+$')) then gone = gone + redis.call('ZREM', KEYS[2], member) end
end
return { slice[1], gone }
