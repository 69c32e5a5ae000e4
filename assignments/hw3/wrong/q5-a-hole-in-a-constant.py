# hint: its largest entry with its smallest
def standardise(X, other):
    mean, spread = np.nanmean(X, axis=0), np.nanstd(X, axis=0)
    same = (X[0] == X).all(axis=0)
    spread = np.where(same, 1, spread)
    scaled = [np.where(same, 0, (A - mean) / spread) for A in (X, other)]
    return tuple(np.where(np.isnan(A), 0, A) for A in scaled)
