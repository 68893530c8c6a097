-- Adds counts that were made of a part of the event log, and notes how far they reach, in one step: nothing is counted twice or left out.
-- KEYS: position, then one hash of counts for each that is added to
-- ARGV: the position from which was counted, the one up to which, how long a hash is kept (ms), then JSON: [[index of KEYS, field, count], …]
-- Returns: 1, or 0 if somebody else has counted this part
if (redis.call('GET', KEYS[1]) or '0') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
for _, it in ipairs(cjson.decode(ARGV[4])) do redis.call('HINCRBY', KEYS[it[1]], it[2], it[3]) end
for index = 2, #KEYS do redis.call('PEXPIRE', KEYS[index], ARGV[3]) end
return 1
