-- Nothing of ours leaves without our signature: what is not signed is deferred, not passed on.
--
-- Two kinds of mail are ours: what an authenticated user sends, and what this server itself writes (it comes over
-- loopback). Of the latter some is forwarded by a Sieve script: it may name one of our users in From only if it still
-- carries that domain's valid signature. Signing it anew would give a forged message our name.

local addresses = require "addresses"
local domains = require "domains"
local logger = require "rspamd_logger"
local watched = require "watched"

local signing = {}

local NAME = "MAILTENANT_SIGNED"
local own, host, selectors, key_path = nil, nil, nil, nil

-- Lines of `domain selector`, with a second selector where two keys sign (RFC 8463: Ed25519 beside RSA).
function signing.parse(text)
  local map = {}
  for line in text:gmatch("[^\r\n]+") do
    local domain, rest = line:match("^%s*([%w.-]+)%s+([%w._ \t-]+)$")
    if domain then
      local found = {}
      for selector in rest:gmatch("[%w._-]+") do
        found[#found + 1] = selector
      end
      map[domain:lower()] = found
    end
  end
  return map
end

function signing.configure(options)
  host = options.host:lower()
  own = domains.watch(options.domains, host)
  key_path = options.key_path
  selectors = watched.file(options.selectors, signing.parse)
end

local function from_address(task)
  local headers = task:get_header_full("From") or {}
  local found = #headers == 1 and addresses.read(headers[1].value)
  return found and found[1] or nil
end

local function from_domain(task)
  local address = from_address(task)
  return address and address:match("@([^@]+)$") or nil
end

local function loopback(task)
  local ip = task:get_from_ip()
  return ip and ip:is_valid() and ip:is_local()
end

-- Written here, not forwarded: it was never received from anywhere.
local function written_here(task)
  return loopback(task) and #(task:get_header_full("Received") or {}) == 0
end

-- Called by rspamd's module dkim_signing: what to sign with, or nothing.
function signing.condition(task)
  if task:has_pre_result() or not (task:get_user() or written_here(task)) then
    return false
  end
  local domain = from_domain(task)
  local signing_keys = {}
  local signs = domain and own.whose(domain) == "own" and selectors.value[domain]
  for _, selector in ipairs(signs or {}) do
    local path = key_path:gsub("%$domain", domain):gsub("%$selector", selector)
    -- rspamd keeps keys in memory: look for each message whether this one may still be used. (Handing over the key
    -- itself would do that too, but rspamd writes a key that it cannot parse into its log.)
    if not watched.read(path) then
      logger.errx(task, "the key %s cannot be read", path)
      return false
    end
    signing_keys[#signing_keys + 1] = { domain = domain, selector = selector, key = path }
  end
  -- The rule below must look for the very signatures that were asked for here, even if the map changes meanwhile.
  task:cache_set("mailtenant_signing", #signing_keys)
  return #signing_keys > 0 and signing_keys
end

local function has_option(task, symbol, prefix)
  for _, entry in ipairs(task:get_symbol(symbol) or {}) do
    for _, option in ipairs(entry.options or {}) do
      if option:sub(1, #prefix) == prefix then
        return true
      end
    end
  end
  return false
end

local function verdict(task, action, text)
  logger.warnx(task, "%s: %s", action, text)
  task:set_pre_result({ action = action, message = text, module = NAME, priority = 9 })
end

-- Every key that the domain signs with has signed: a key that is broken must be noticed, not outdone by the other.
local function signed(task, domain)
  local made, wanted = 0, task:cache_get("mailtenant_signing") or 0
  for _, entry in ipairs(task:get_symbol("DKIM_SIGNED") or {}) do
    for _, option in ipairs(entry.options or {}) do
      if option:sub(1, #domain + 1) == domain .. ":" then
        made = made + 1
      end
    end
  end
  return wanted > 0 and made >= wanted
end

-- Null sender and From of another mailbox than the server's own: an automatic reply of a user's script.
local function own_words(task, owners)
  local address = from_address(task)
  local envelope = ((task:get_from("smtp") or {})[1] or {}).addr or ""
  if envelope == "" or address:match("@([^@]+)$") == host then
    return true
  end
  return owners.owns(envelope:lower(), address)
end

function signing.rule(owners)
  return function(task)
    if task:has_pre_result() then
      return
    end
    local login = task:get_user()
    if login and task:cache_get("mailtenant_sender") ~= login:lower() then
      return verdict(task, "soft reject", "The sender was not checked; try again later")
    end
    if not login and not loopback(task) then
      return
    end
    local domain = from_domain(task)
    local whose = own.whose(domain)
    if not whose then
      return verdict(task, "soft reject", "The list of our domains cannot be read; try again later")
    end
    if not login and whose == "foreign" then
      return
    end
    if login or written_here(task) then
      if not login and not own_words(task, owners) then
        return verdict(task, "reject", "Sender address rejected: the header From is not the sender's own")
      end
      if not (whose == "own" and signed(task, domain)) then
        return verdict(task, "soft reject", "The message could not be signed; try again later")
      end
    elseif not has_option(task, "R_DKIM_ALLOW", domain .. ":") then
      if task:get_symbol("R_DKIM_TEMPFAIL") then
        return verdict(task, "soft reject", "The signature could not be checked; try again later")
      end
      return verdict(task, "reject", "Forwarded mail that names one of our senders needs its signature")
    end
  end
end

return signing
