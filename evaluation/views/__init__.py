"""The pages of golden questions and runs, for administrators."""
