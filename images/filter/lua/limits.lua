-- Sending limits: recipients a message is sent to, per clock hour and day (UTC), for the mailbox (login), its domain
-- and the whole tenant. All counters are read and raised in one step in the cache, so a refused message counts nowhere.
-- Without the cache nothing of an authenticated user is sent; mail from outside is not concerned.
--
-- The limits are a live file, and so is the list of who is paused: both hold from the second that they change. Where one of
-- them cannot be read, nobody sends.

local addresses = require "addresses"
local logger = require "rspamd_logger"
local lua_redis = require "lua_redis"
local ucl = require "ucl"
local watched = require "watched"

local limits = {}

local NAME = "MAILTENANT_LIMITS"
local SECONDS = { hour = 3600, day = 86400 }
-- An hour without a limit is counted all the same, for whoever asks what was sent.
local UNLIMITED = 2 ^ 53

-- KEYS: counters. ARGV: recipients, then limit and lifetime of each counter. Returns 0, or the place of the counter
-- that would pass its limit.
local SCRIPT = [[
for i, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or '0') + tonumber(ARGV[1]) > tonumber(ARGV[2 * i]) then
    return i
  end
end
for i, key in ipairs(KEYS) do
  redis.call('INCRBY', key, ARGV[1])
  redis.call('EXPIRE', key, ARGV[2 * i + 1])
end
return 0
]]

local function defer(task, text)
  logger.warnx(task, "deferred: %s", text)
  task:set_pre_result({ action = "soft reject", message = text, module = NAME, priority = 8 })
end

-- A new tenant's day: `first_day` recipients, each day `growth` times the day before, up to the tenant's own limit.
function limits.warmup(configured, now)
  local warmup, ceiling = configured.warmup, tonumber(configured.tenant.day)
  if not warmup then
    return ceiling
  end
  local cap = tonumber(warmup.first_day)
  for _ = 1, math.floor(now / SECONDS.day) - tonumber(warmup.from) do
    if cap >= ceiling then
      break
    end
    cap = cap * tonumber(warmup.growth)
  end
  return math.min(math.floor(cap), ceiling)
end

-- The limits as the live file (JSON) says; nil where it does not say all that must be known.
function limits.parse(text)
  local parser = ucl.parser()
  if text == "" or not parser:parse_string(text) then
    return nil
  end
  local configured = parser:get_object()
  for _, scope in ipairs({ "mailbox", "domain", "tenant" }) do
    if type(configured[scope]) ~= "table" or not tonumber(configured[scope].day) then
      return nil
    end
  end
  local warmup = configured.warmup
  if warmup and not (tonumber(warmup.from) and tonumber(warmup.first_day) and tonumber(warmup.growth)) then
    return nil
  end
  return configured
end

-- Who may not send for now: `mailbox ADDRESS`, `domain NAME`, `tenant` lines, written by the database. nil: not known.
function limits.parse_paused(text)
  if text:sub(1, 1) ~= "#" then
    return nil
  end
  local paused = {}
  for line in text:gmatch("[^\r\n]+") do
    if line:sub(1, 1) ~= "#" then
      paused[line] = true
    end
  end
  return paused
end

-- Why this login may not send now, or nothing.
function limits.pause(paused, login)
  local domain = login:match("@([^@]+)$") or ""
  for line, name in pairs({
    ["mailbox " .. login] = "this mailbox",
    ["domain " .. domain] = "this mailbox's domain",
    ["tenant"] = "all mailboxes",
  }) do
    if paused[line] then
      return string.format("Sending is paused for %s; ask your administrator", name)
    end
  end
end

-- The counters that a message of this login touches, at this second: a list of {key, limit, lifetime, text}.
function limits.counters(configured, login, now)
  local whose = { mailbox = login, domain = login:match("@([^@]+)$") or login, tenant = "all" }
  local named = { mailbox = login, domain = "the domain " .. whose.domain, tenant = "all mailboxes together" }
  local list = {}
  for _, scope in ipairs({ "mailbox", "domain", "tenant" }) do
    for _, window in ipairs({ "hour", "day" }) do
      local limit = tonumber(configured[scope][window])
      if scope == "tenant" and window == "day" then
        limit = limits.warmup(configured, now)
      end
      limit = limit or UNLIMITED
      local length = SECONDS[window]
      local start = now - now % length
      list[#list + 1] = {
        key = string.format("limit:%s:%s:%s:%d", scope, whose[scope], window, start),
        limit = limit,
        lifetime = start + length - now + 60,
        text = string.format("Sending limit reached: %.0f recipients a%s for %s; try again after %s UTC", limit,
          window == "hour" and "n hour" or " day", addresses.printable(named[scope]:gsub(" ", "_")):gsub("_", " "),
          os.date("!%Y-%m-%d %H:%M", start + length)),
      }
    end
  end
  return list
end

local function password(path)
  local file, reason = io.open(path, "r")
  if not file then
    error("cannot read the cache's password: " .. reason)
  end
  local text = file:read("*l") or ""
  file:close()
  return text
end

-- A file under change may be read half-written: what it said last holds until it can be read again.
local function last_good(parse, path)
  local last
  return function(text)
    local now = parse(text)
    if now then
      last = now
    else
      logger.errx(rspamd_config, "%s cannot be read; what it said before holds", path)
    end
    return last
  end
end

function limits.rule(files, cache)
  local configured = watched.file(files.limits, last_good(limits.parse, files.limits))
  local paused = watched.file(files.paused, last_good(limits.parse_paused, files.paused))
  local servers = lua_redis.parse_redis_server(NAME, {
    servers = cache.address,
    password = password(cache.password_file),
    timeout = cache.timeout,
  }, true)
  if not servers then
    error("the address of the cache is not valid")
  end

  return function(task)
    local login = task:get_user()
    if not login or task:has_pre_result() then
      return
    end
    login = login:lower()
    if not configured.value or not paused.value then
      return defer(task, "Sending limits cannot be checked; try again later")
    end
    local reason = limits.pause(paused.value, login)
    if reason then
      return defer(task, reason)
    end
    local counters = limits.counters(configured.value, login, os.time())
    local keys, arguments = {}, { tostring(#(task:get_recipients("smtp") or {})) }
    for _, counter in ipairs(counters) do
      keys[#keys + 1] = counter.key
      arguments[#arguments + 1] = string.format("%.0f", counter.limit)
      arguments[#arguments + 1] = tostring(counter.lifetime)
    end
    local command = { SCRIPT, tostring(#keys) }
    for _, list in ipairs({ keys, arguments }) do
      for _, text in ipairs(list) do
        command[#command + 1] = text
      end
    end

    local function counted(fault, place)
      if fault or type(place) ~= "number" then
        logger.errx(task, "the cache does not count: %s", fault or place)
        return defer(task, "Sending limits cannot be checked; try again later")
      end
      if place > 0 then
        return defer(task, counters[place].text)
      end
    end

    if not lua_redis.redis_make_request(task, servers, keys[1], true, counted, "EVAL", command) then
      defer(task, "Sending limits cannot be checked; try again later")
    end
  end
end

return limits
