-- Takes away suppressions that have run out; they count no more since then.
-- KEYS: 1 what suppressions' names begin with
-- ARGV: 1 tenant, 2 how many at most
-- Returns: how many went
--- @include suppression

local names = suppression_keys({ suppressions = KEYS[1] }, ARGV[1])
local over = redis.call('ZRANGEBYSCORE', names.expiries, '-inf', time_now(), 'LIMIT', 0, ARGV[2])
for _, name in ipairs(over) do drop_suppression(names, name) end
return #over
