-- A small file whose content is always up to date: read at start and once a second.
--
-- rspamd's own maps miss a change that leaves the time of the file as it was: two changes within a second, or a file that
-- the engine unpacked, which carries the time of the archive. Here the content counts.

local rspamd_logger = require "rspamd_logger"

local watched = {}

local function read(path)
  local file = io.open(path, "r")
  if not file then
    return nil
  end
  local text = file:read("*a")
  file:close()
  return text
end

watched.read = read

-- Returns an object whose `value` is parse(text of the file); a file that is not there reads as empty.
function watched.file(path, parse)
  local last = read(path) or ""
  local self = { value = parse(last) }

  rspamd_config:add_on_load(function(_, event_base, worker)
    if not worker:is_scanner() then
      return
    end
    rspamd_config:add_periodic(event_base, 1.0, function()
      local text = read(path) or ""
      if text ~= last then
        last = text
        self.value = parse(text)
        -- A notice, which the log shows: whoever changed the file sees from when it holds.
        rspamd_logger.messagex(rspamd_config, "%s was read again", path)
      end
      return true
    end)
  end)

  return self
end

return watched
