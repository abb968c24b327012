-- Reads the addresses of a From or Sender header, strictly (RFC 5322 section 3.4).
--
-- It is written to miss none: whatever is outside of quotes and comments and looks like an address counts, also where
-- the standard would not allow it. What cannot be read with certainty is an error, and the message is refused.

local addresses = {}

local UNREADABLE = "cannot be read"

-- Removes comments, which nest; false where one is not closed.
local function without_comments(value)
  local out, depth, quoted, i = {}, 0, false, 1
  while i <= #value do
    local c = value:sub(i, i)
    if c == "\\" and (quoted or depth > 0) then
      if depth == 0 then
        out[#out + 1] = value:sub(i, i + 1)
      end
      i = i + 1
    elseif c == '"' and depth == 0 then
      quoted = not quoted
      out[#out + 1] = c
    elseif c == "(" and not quoted then
      depth = depth + 1
    elseif c == ")" and not quoted then
      if depth == 0 then
        return false
      end
      depth = depth - 1
    elseif depth == 0 then
      out[#out + 1] = c
    end
    i = i + 1
  end
  return depth == 0 and not quoted and table.concat(out)
end

-- Splits at the commas, semicolons and group names that are outside of quotes; blanks out display names in quotes.
-- Returns a list of {text, ends_group_name}, or false.
local function parts(value)
  local list, out, quoted, angle, i = {}, {}, false, false, 1
  while i <= #value do
    local c = value:sub(i, i)
    if quoted then
      if c == "\\" then
        i = i + 1
      elseif c == '"' then
        quoted = false
        -- A quoted local part ("jo"@acme.test) is legal, and nobody here has one.
        if value:match("^%s*[@.]", i + 1) then
          return false
        end
      end
    elseif c == '"' then
      if angle then
        return false
      end
      quoted = true
      out[#out + 1] = " "
    elseif c == "<" or c == ">" then
      if angle == (c == "<") then
        return false
      end
      angle = c == "<"
      out[#out + 1] = c
    elseif (c == "," or c == ";" or c == ":") and not angle then
      list[#list + 1] = { text = table.concat(out), group = c == ":" }
      out = {}
    else
      out[#out + 1] = c
    end
    i = i + 1
  end
  if quoted or angle then
    return false
  end
  list[#list + 1] = { text = table.concat(out), group = false }
  return list
end

local function add(found, address)
  found[#found + 1] = address:lower()
end

-- One mailbox: `name <address>` or a bare address. False where it is neither.
local function mailbox(text, found)
  local name, address, rest = text:match("^([^<>]*)<%s*([^<>]-)%s*>%s*([^<>]*)$")
  if not name then
    if text:find("[<>]") then
      return false
    end
    local bare = text:match("^%s*(%S+)%s*$")
    if not bare or not bare:find("@", 1, true) then
      return false
    end
    add(found, bare)
    return true
  end
  if rest ~= "" or address == "" then
    return false
  end
  -- `ann@acme.test <jo@acme.test>`: some readers show the first as the sender, so it counts.
  for word in name:gmatch("%S+") do
    if word:find("@", 1, true) then
      add(found, word)
    end
  end
  add(found, address)
  return true
end

-- Returns the list of addresses in lower case, or nil and a reason.
function addresses.read(value)
  value = value:gsub("\r?\n([ \t])", "%1"):gsub("%s+$", "")
  if value:find("[%z\1-\8\10-\31\127]") then
    return nil, UNREADABLE
  end
  local plain = without_comments(value)
  local list = plain and parts(plain)
  if not list then
    return nil, UNREADABLE
  end
  local found = {}
  for _, part in ipairs(list) do
    if part.group then
      -- The name of a group; an address in front of a colon is no name.
      if part.text:find("[@<>]") then
        return nil, UNREADABLE
      end
    elseif part.text:find("%S") and not mailbox(part.text, found) then
      return nil, UNREADABLE
    end
  end
  if #found == 0 then
    return nil, "has no address"
  end
  return found
end

-- For a reply line: nothing but what an address is made of.
function addresses.printable(address)
  local text = address:sub(1, 100):gsub("[^%w@.+_-]", "?")
  return text
end

return addresses
