-- An authenticated user is who the header says: every address in From and Sender is the own login, login+tag, the
-- envelope sender (Postfix has proven that the login owns it) or an address that the login owns.

local addresses = require "addresses"

local sender = {}

local NAME = "MAILTENANT_SENDER"

local function refuse(task, text)
  task:set_pre_result({ action = "reject", message = text, module = NAME, priority = 9 })
end

-- Nil if all is well, else the text of the refusal.
local function fault(owners, login, envelope, name, headers)
  if #headers > 1 then
    return string.format("More than one %s header", name)
  end
  for _, header in ipairs(headers) do
    local found, reason = addresses.read(header.value)
    if not found then
      return string.format("The header %s %s", name, reason)
    end
    for _, address in ipairs(found) do
      if address ~= envelope and not owners.owns(login, address) then
        return string.format("Sender address rejected: header %s <%s> not owned by user %s", name,
          addresses.printable(address), addresses.printable(login))
      end
    end
  end
  return nil
end

-- `From : …` is no header From to rspamd, and is one to many readers.
local function disguised(task)
  local raw = "\n" .. tostring(task:get_raw_headers()):lower()
  for _, name in ipairs({ "from", "sender" }) do
    if raw:find("[\r\n]" .. name .. "[ \t]+:") then
      return "The header " .. name .. " cannot be read"
    end
  end
  return nil
end

-- What rspamd itself read from From, as a second opinion: it must not see an address that we did not.
local function second_opinion(task, owners, login, envelope)
  for _, entry in ipairs(task:get_from("mime") or {}) do
    local address = (entry.addr or ""):lower()
    if address ~= envelope and not owners.owns(login, address) then
      return "The header From cannot be read"
    end
  end
  return nil
end

function sender.rule(owners)
  return function(task)
    local login = task:get_user()
    if not login then
      return
    end
    login = login:lower()
    local from = task:get_from("smtp")
    local envelope = from and from[1] and from[1].addr ~= "" and from[1].addr:lower() or nil
    local headers = task:get_header_full("From") or {}
    local text
    if #headers == 0 then
      text = "The header From is missing"
    else
      text = fault(owners, login, envelope, "From", headers)
        or fault(owners, login, envelope, "Sender", task:get_header_full("Sender") or {})
        or disguised(task)
        or second_opinion(task, owners, login, envelope)
    end
    if text then
      return refuse(task, text)
    end
    task:cache_set("mailtenant_sender", login)
  end
end

return sender
