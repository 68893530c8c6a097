-- What the webhooks' scripts share: the time, a webhook's record, and the two queues: its due deliveries, and the webhooks by what is due.

--- @include time

-- The webhook, or nil if it is gone or another tenant's.
local function load_webhook(key, tenant)
  local text = redis.call('GET', key)
  local webhook = text and cjson.decode(text)
  if webhook and webhook.tenant == tenant then return webhook end
  return nil
end

-- Makes a delivery due. `life` (ms): no row of the set outlives it, so neither need the set.
local function make_due(webhook_id, event_id, due_key, webhooks_due_key, at, life)
  redis.call('ZADD', due_key, at, event_id)
  redis.call('PEXPIRE', due_key, life)
  redis.call('ZADD', webhooks_due_key, 'LT', at, webhook_id)
end

-- Lists a delivery, and takes a few off the list that are too old to exist: each addition pays for more than itself.
local function list_delivery(list_key, event_id, event_at, now, life)
  redis.call('ZADD', list_key, event_at, event_id)
  redis.call('PEXPIRE', list_key, life)
  local gone = redis.call('ZRANGEBYSCORE', list_key, '-inf', now - life, 'LIMIT', 0, 3)
  if #gone > 0 then redis.call('ZREM', list_key, unpack(gone)) end
end

-- Notes when the webhook has to be looked at next: when its first delivery is due, or, with all `slots` taken, when a lease runs out.
-- A disabled webhook is not looked at: its deliveries are parked.
local function note_next(webhook_id, due_key, leases_key, webhooks_due_key, webhooks_key, slots)
  local first
  if redis.call('SISMEMBER', webhooks_key, webhook_id) == 1 then
    first = tonumber(redis.call('ZRANGE', leases_key, 0, 0, 'WITHSCORES')[2])
    if redis.call('ZCARD', leases_key) < slots then
      local due = tonumber(redis.call('ZRANGE', due_key, 0, 0, 'WITHSCORES')[2])
      if due and (not first or due < first) then first = due end
    end
  end
  if first then
    redis.call('ZADD', webhooks_due_key, first, webhook_id)
  else
    redis.call('ZREM', webhooks_due_key, webhook_id)
  end
end
