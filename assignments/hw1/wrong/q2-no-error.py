# hint: Raise a ValueError
def letter_model(profile, alpha):
    more = letter_counts(profile) + alpha
    return more / more.sum()
