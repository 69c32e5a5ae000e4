# hint: Which N and which K
def letter_model(profile, alpha):
    counts = letter_counts(profile)
    if alpha < 0 or (alpha == 0 and counts.sum() == 0):
        raise ValueError("alpha must be positive, or there must be letters")
    return (counts + alpha) / (counts.sum() + alpha)
