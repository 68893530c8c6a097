-- The member of the owners that is none: since when they can be heard again, after a time in which none could.
local everybody = '*'
