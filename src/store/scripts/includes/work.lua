-- How much work there is for each relay, in dispatches: those that have an open recipient, those of them that are claimed, and, by their time,
-- those that were put off. Counted wherever a message's state changes, in the same step; see openWork.ts.

local open_statuses = { scheduled = true, queued = true, sending = true, deferred = true }

-- Whether a recipient of the state, or of one dispatch (counted from 0), is open.
local function has_open(state, dispatch)
  for _, recipient in ipairs(state.recipients) do
    if open_statuses[recipient.status] and (dispatch == nil or recipient.dispatch == dispatch) then return true end
  end
  return false
end

-- The message as it was read: its dispatches' relays, whether they were open and claimed, and their members among those put off.
local work_before = {}
-- By how much each count has changed in this script.
local work_changes = {}

local function change_work(name, relay, by)
  local field = name .. ' ' .. relay
  work_changes[field] = (work_changes[field] or 0) + by
end

local function work_of(state)
  local work = {}
  for number, it in ipairs(state.dispatches) do
    local open = has_open(state, number - 1)
    local claimed = open and it.claim ~= nil
    work[number] = { relay = it.relay, open = open, claimed = claimed, later = open and not claimed and it.later and it.next_at or nil }
  end
  return work
end

local function note_work(state)
  work_before = work_of(state)
end

local function later_key(keys, relay)
  return keys.open .. ':later:' .. relay
end

local function leave_work(keys, number, its)
  if its.open then change_work('open', its.relay, -1) end
  if its.claimed then change_work('claimed', its.relay, -1) end
  if its.later then redis.call('ZREM', later_key(keys, its.relay), keys.message_id .. ' ' .. number) end
end

local function join_work(keys, number, its)
  if its.open then change_work('open', its.relay, 1) end
  if its.claimed then change_work('claimed', its.relay, 1) end
  if its.later then redis.call('ZADD', later_key(keys, its.relay), its.later, keys.message_id .. ' ' .. number) end
end

-- Writes the changes of all messages of this script.
local function write_work(keys)
  for field, by in pairs(work_changes) do
    if by ~= 0 then redis.call('HINCRBY', keys.open .. ':work', field, by) end
  end
  work_changes = {}
end

-- Whether the script calls write_work itself, once for all its messages.
local work_is_written_last = false

-- Counts what has changed since the message was read.
local function count_work(keys, state)
  local work = work_of(state)
  for number, now in ipairs(work) do
    local before = work_before[number]
    local is_same = before
      and before.relay == now.relay
      and before.open == now.open
      and before.claimed == now.claimed
      and before.later == now.later
    if not is_same then
      if before then leave_work(keys, number, before) end
      join_work(keys, number, now)
    end
  end
  work_before = work
  if not work_is_written_last then write_work(keys) end
end
