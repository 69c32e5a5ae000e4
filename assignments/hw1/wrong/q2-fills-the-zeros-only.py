# hint: Try letter_model with large and small alpha
def letter_model(profile, alpha):
    counts = letter_counts(profile)
    if alpha < 0 or (alpha == 0 and counts.sum() == 0):
        raise ValueError("alpha must be positive, or there must be letters")
    filled = np.where(counts == 0, alpha, counts)
    return filled / filled.sum()
