-- Says, just before the final dot, that an attempt is about to hand its message over.
-- KEYS: as in message.lua
-- ARGV: as in message.lua; 3 dispatch (from 0), 4 attempt, 5 owner, 6 lease (ms)
-- Returns: 1 go on, 0 the claim is no longer this owner's: the dot must not be sent
--- @include message

local it = state and state.dispatches[tonumber(ARGV[3]) + 1]
local claim = it and it.claim
if not claim or claim.attempt ~= tonumber(ARGV[4]) or claim.owner ~= ARGV[5] then return 0 end
local heard = redis.call('ZSCORE', keys.owners, ARGV[5])
if not heard or tonumber(heard) + tonumber(ARGV[6]) <= time_now() then return 0 end
claim.handing_over = true
save_state(keys, state)
return 1
