-- Gives a dispatch a later time, for which neither it nor its relay's answers are the reason: nothing counts up, nothing is said.
-- KEYS: as in message.lua
-- ARGV: as in message.lua; 3 dispatch (from 0), 4 generation, 5 milliseconds from now
-- Returns: { "stale" } | { "postponed", generation }
--- @include message

local dispatch = tonumber(ARGV[3])
local it = state and state.dispatches[dispatch + 1]
if not it or it.generation ~= tonumber(ARGV[4]) or it.claim or not has_open(state, dispatch) then return { 'stale' } end
local now = time_now()
schedule(keys, state, message_id, dispatch, now + tonumber(ARGV[5]), now)
save_state(keys, state)
return { 'postponed', it.generation }
