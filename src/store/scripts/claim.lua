-- Claims dispatches for one attempt each: their open recipients become `sending`, numbered and owned.
-- KEYS: as in open-message.lua; 10 alone
-- ARGV: 1 retention as in message.lua, 2 owner, 3 lease (ms), 4 limit of an attempt (ms); then for each dispatch: 1 message id, 2 dispatch (from 0), 3 generation,
--   4 a word of this try's own: asked again with it (the answer was lost), the same claim is given again
-- Returns for each: { "stale" } nothing to do | { "early", milliseconds } | { "busy", milliseconds } look again then | { "fault", text }
--   | { "claimed", now, the message as it lies there }; its bytes are read for themselves: Redis looks at every octet that passes through a script
--- @include batch
--- @include open-message
--- @include suppression

-- How long a dispatch rests at most before it is tried once more by workers that died of it, in milliseconds.
local longest_rest = 300000

local owner = ARGV[2]
local lease = tonumber(ARGV[3])
local attempt_limit = tonumber(ARGV[4])
local now = time_now()

-- Suppressed since it was accepted, or last tried.
local function suppress_open(index)
  if state.bypass_suppressions then return false end
  local suppression, category = suppression_of(keys, state.tenant, identity.addresses[index], state.list, message_id, now)
  if not suppression then return false end
  settle(keys, state, identity, index, 'suppressed', now, { suppression = suppression, category = category })
  return true
end

local function claim(at)
  open_message(ARGV[at + 1])
  local dispatch = tonumber(ARGV[at + 2])
  local word = ARGV[at + 4]
  local it = state and state.dispatches[dispatch + 1]
  if not it or it.generation ~= tonumber(ARGV[at + 3]) or not has_open(state, dispatch) then return { 'stale' } end

  local before = it.claim
  if before and before.owner == owner and before.word == word then
    return { 'claimed', now, cjson.encode(state) .. further_lines }
  elseif before then
    local ends = claim_ends(keys, before, now, lease, attempt_limit)
    -- Who asks is alive, and still at work on it, though it may not have been heard of.
    if before.owner == owner then ends = before.claimed_at + attempt_limit end
    if ends > now then return { 'busy', ends - now } end
  elseif it.next_at > now + 50 then
    -- Some worker's clock is ahead of Redis time.
    return { 'early', it.next_at - now }
  end

  -- A message may be what its workers die of, and all that is under way beside it goes down with it, into doubt. Whatever was there twice
  -- goes alone among its like, so that it takes nobody along into a third doubt; after that it waits longer each time.
  local deaths = (it.deaths or 0) + (before and 1 or 0)
  local name = message_id .. '.' .. ARGV[at + 2]
  if deaths > 1 then
    local text = redis.call('GET', KEYS[10])
    local other = text and cjson.decode(text)
    if other and other.name ~= name and claim_ends(keys, other, now, lease, attempt_limit) > now then
      return { 'busy', math.ceil(lease / 12) }
    end
  end

  local hold = state.hold
  if before then
    take_over(keys, state, identity, dispatch, now, hold)
    it.deaths = deaths
    if deaths > 2 and now < state.expires_at and has_open(state, dispatch) then
      it.next_at = now + math.min((deaths - 2) * lease, longest_rest)
      it.later = true
      save_state(keys, state)
      return { 'early', it.next_at - now }
    end
  end

  local expired = now >= state.expires_at
  local doubted = false
  local claimed = false
  for index, recipient in ipairs(state.recipients) do
    if recipient.dispatch == dispatch and open_statuses[recipient.status] then
      if expired then
        expire(keys, state, identity, index, now)
      elseif not suppress_open(index) then
        recipient.status = 'sending'
        recipient.attempts = recipient.attempts + 1
        recipient.updated_at = now
        recipient.relay = it.relay
        if (recipient.doubts or 0) > 0 then doubted = true end
        claimed = true
      end
    end
  end

  if not claimed then
    close_dispatch(state, dispatch)
    save_and_rest(keys, state, identity, message_id, cjson.decode(ARGV[1]))
    return { 'stale' }
  end

  state.attempts = state.attempts + 1
  it.later = nil
  it.claim = { attempt = state.attempts, owner = owner, claimed_at = now, word = word, marks = (hold or doubted) and true or nil }
  local text = save_state(keys, state)
  if deaths > 1 then
    redis.call('SET', KEYS[10], cjson.encode({ name = name, owner = owner, claimed_at = now }), 'PX', attempt_limit)
  end
  return { 'claimed', now, text }
end

work_is_written_last = true
local answers = run_batch(4, 4, claim)
write_work(keys)
return answers
