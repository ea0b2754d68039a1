"""Kill switches: business settings that services check before they act."""

from vhm24r.platform.business_settings import BusinessSetting

INTAKE_APPLY = BusinessSetting("intake.apply", default=True, description="imports may change orders")
READ_ONLY = BusinessSetting("read_only", default=False, description="nothing may be changed by people or files")
FLAGS = (INTAKE_APPLY, READ_ONLY)
