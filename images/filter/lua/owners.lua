-- Which login owns which address: the file that the database writes, one `address login` a line, lower case.
-- It is re-read when it changes. An address may have several owners. A missing file means that nobody owns more
-- than the own login.

local watched = require "watched"

local owners = {}

function owners.parse(text)
  local map = {}
  for line in text:gmatch("[^\r\n]+") do
    local address, login = line:lower():match("^%s*(%S+)%s+(%S+)%s*$")
    if address and address:sub(1, 1) ~= "#" then
      map[address] = map[address] or {}
      map[address][login] = true
    end
  end
  return map
end

-- Returns an object with `owns(login, address)`, always up to date.
function owners.watch(path)
  local file = watched.file(path, owners.parse)
  local self = {}

  function self.owns(login, address)
    if address == login then
      return true
    end
    local logins = file.value[address]
    if logins and logins[login] then
      return true
    end
    -- name+tag@domain belongs to whoever owns name@domain
    local name, domain = address:match("^([^+@]+)%+[^@]*@([^@]+)$")
    if not name then
      return false
    end
    local plain = name .. "@" .. domain
    logins = file.value[plain]
    return plain == login or (logins ~= nil and logins[login] == true)
  end

  return self
end

return owners
