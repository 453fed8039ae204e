"""The local gateway and its workers: the deployed handlers on this machine."""
