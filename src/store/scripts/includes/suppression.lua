-- Suppressions: whom a tenant does not send to any more, for all mail or for one list. The including script passes its keys as a table:
--   keys.suppressions (keys.ts: what the names begin with; message.lua has it), keys.events, keys.sequence
-- After a bounce or a complaint call suppress_after, which knows the configured policy and what is never suppressed by itself:
--   suppress_after(keys, tenant, address, policy, { reason = 'complaint', source = 'report', message_id = id, cause = sequence }, now)
--   suppress_after(keys, tenant, address, policy, { reason = 'bounce', source = 'report', category = c, hard_bounce = true or false, … }, now)
-- in the same script that settles the recipient, behind it, so that `suppression.added` follows the event that caused it.

--- @include time
--- @include log

-- domain/suppression.ts, suppressionReasons.
local suppression_ranks = { manual = 1, bounce = 2, unsubscribe = 3, complaint = 4 }

-- What a suppression is named by: the address without regard to ASCII case (domain/suppression.ts, suppressionKey), and its list.
-- A domain holds no "/", so that no address can pass for one with a list.
local function suppression_name(address, list)
  return list and (string.lower(address) .. '/' .. list) or string.lower(address)
end

local function suppression_keys(keys, tenant)
  local root = keys.suppressions .. tenant
  return { rows = root .. ':rows', by_time = root .. ':by-time', by_address = root .. ':by-address', expiries = root .. ':expiries' }
end

-- Whether a tenant suppresses anybody: most mail is of tenants that were asked about before, in the same script.
local suppressing_tenants = {}
local function suppresses_anybody(rows)
  if suppressing_tenants[rows] == nil then suppressing_tenants[rows] = redis.call('EXISTS', rows) == 1 end
  return suppressing_tenants[rows]
end

-- A row as it counts now: one that has run out is none, though it may not have been swept yet.
local function suppression_row(text, now)
  local row = text and cjson.decode(text)
  if row and row.expires_at and row.expires_at <= now then return nil end
  return row or nil
end

-- About the address; the message that led to it stands inside, so that nobody takes this for news of that message.
local function suppression_event(type, tenant, address, list, row, now)
  return {
    type = type,
    at = now,
    tenant = tenant,
    recipient = string.lower(address),
    category = row.category,
    suppression = { reason = row.reason, source = row.source, list = list, expires_at = row.expires_at, message_id = row.message_id },
  }
end

-- The place of a new row in the order of addition: the time in microseconds, and for many of one script the next free one.
local suppression_places = {}
local function next_place(by_time, now)
  local newest = suppression_places[by_time] or tonumber(redis.call('ZRANGE', by_time, -1, -1, 'WITHSCORES')[2]) or 0
  suppression_places[by_time] = math.max(now * 1000, newest + 1)
  return suppression_places[by_time]
end

local function drop_suppression(names, name)
  redis.call('HDEL', names.rows, name)
  for _, key in ipairs({ names.by_time, names.by_address, names.expiries }) do redis.call('ZREM', key, name) end
end

-- Suppresses a canonical address, and says so in the log. What stands there already only becomes stronger: it lasts as long as the longer
-- of the two, and a graver reason takes the place of a lighter one. Nothing happens if it is as strong.
-- `fields`: reason (domain/suppression.ts), source, and as known: list (else all mail), expires_at (ms; else for good), category,
--   message_id and cause (the message, and the sequence number of the event of this script that led to it), created_at (else now),
--   quiet (true: no event; the caller tells of many at once)
-- Returns: 'added' | 'strengthened' | 'unchanged'
local function suppress(keys, tenant, address, fields, now)
  if fields.expires_at and fields.expires_at <= now then return 'unchanged' end
  local names = suppression_keys(keys, tenant)
  local name = suppression_name(address, fields.list)
  local text = redis.call('HGET', names.rows, name)
  local standing = suppression_row(text, now)
  local row = standing or { created_at = fields.created_at or now, expires_at = fields.expires_at }
  local why = fields
  if why.cause then why.event = { sequence = fields.cause, at = now } end
  if standing then
    local rank = suppression_ranks[fields.reason] - suppression_ranks[standing.reason]
    local lasts = standing.expires_at and (not fields.expires_at or fields.expires_at > standing.expires_at)
    if rank <= 0 and not lasts then return 'unchanged' end
    if lasts then row.expires_at = fields.expires_at end
    if rank < 0 then why = standing end
  else
    redis.call('ZADD', names.by_time, next_place(names.by_time, now), name)
    redis.call('ZADD', names.by_address, 0, name)
  end
  for _, field in ipairs({ 'reason', 'source', 'category', 'message_id', 'event' }) do row[field] = why[field] end
  redis.call('HSET', names.rows, name, cjson.encode(row))
  suppressing_tenants[names.rows] = true
  if row.expires_at then
    redis.call('ZADD', names.expiries, row.expires_at, name)
  elseif text then
    redis.call('ZREM', names.expiries, name)
  end
  if not fields.quiet then
    append_to_log(keys, suppression_event('suppression.added', tenant, address, fields.list, row, now))
  end
  return standing and 'strengthened' or 'added'
end

-- Suppresses an address after a bounce or a complaint, if the policy says so. The sandbox's own addresses are there to be sent to again.
-- `policy`: SuppressionPolicy of domain/suppression.ts, decoded. `fields`: as for suppress, without expires_at; with hard_bounce
-- (true or false) where the reason is `bounce`. Returns as suppress does.
local function suppress_after(keys, tenant, address, policy, fields, now)
  local cause = fields.reason == 'complaint' and 'complaint' or fields.hard_bounce and 'hard_bounce' or fields.category
  local life = cause and policy[cause]
  if not life or string.match(string.lower(address), '@sandbox%.test$') then return 'unchanged' end
  if life ~= 'forever' then fields.expires_at = now + life end
  return suppress(keys, tenant, address, fields, now)
end

-- The suppression that forbids a message to an address, or nil: that of all mail, else that of the message's list (nil: of none).
-- `message_id`: whoever tries a message again knows that it bounced, so its own bounce does not count against it; nil for a new one.
-- Returns { reason, list, since (ms) } and the category of the bounce that led to it, or nil.
local function suppression_of(keys, tenant, address, list, message_id, now)
  local rows = keys.suppressions .. tenant .. ':rows'
  if not suppresses_anybody(rows) then return nil end
  local name = suppression_name(address)
  local found = list and redis.call('HMGET', rows, name, suppression_name(address, list)) or { redis.call('HGET', rows, name) }
  for index = 1, 2 do
    local row = suppression_row(found[index], now)
    local is_own = row and message_id and row.reason == 'bounce' and row.message_id == message_id
    if row and not is_own then return { reason = row.reason, list = index == 2 and list or nil, since = row.created_at }, row.category end
  end
  return nil
end
