-- Which domains are the tenant's own: a live file, looked at for each message that they matter to, so that no message is
-- judged by an older list than that of `up`, which hands it over before the database takes mail for a new domain.
--
-- A file that is missing, cut short or half-written says nothing: the domains of the last good one stay ours, and of any
-- other nobody can tell whose it is. Where there never was a good one, that is so for every domain.

local logger = require "rspamd_logger"
local watched = require "watched"

local domains = {}

-- `N own domains`, then a name a line, the tenant host among them. nil where it is not whole.
function domains.parse(text, host)
  local count, lines = text:match("^(%d+) own domains\n(.*\n)$")
  if not count then
    return nil
  end
  local own, found = {}, 0
  for line in lines:gmatch("([^\n]*)\n") do
    if not line:match("^[%w.-]+$") then
      return nil
    end
    own[line:lower()] = true
    found = found + 1
  end
  return found == tonumber(count) and own[host] and own or nil
end

-- Returns an object with `whose(domain)`: "own", "foreign", or nil where that cannot be told now. No domain is foreign.
function domains.watch(path, host)
  local text, own, whole = false, {}, false
  local self = {}

  function self.whose(domain)
    local now = watched.read(path)
    if now ~= text then
      local parsed = now and domains.parse(now, host)
      text, whole = now, parsed ~= nil
      if parsed then
        own = parsed
        logger.messagex(rspamd_config, "%s was read", path)
      else
        logger.errx(rspamd_config, "%s cannot be read; what it named before stays ours", path)
      end
    end
    if domain and own[domain] then
      return "own"
    end
    return whole and "foreign" or nil
  end

  self.whose(nil)
  return self
end

return domains
