"""The ports of whybox on concrete technology."""
