# hint: NaN is left out of them
def standardise(X, other):
    X, other = np.nan_to_num(X), np.nan_to_num(other)
    varies = X.max(axis=0) > X.min(axis=0)
    mean, spread = X.mean(axis=0), np.where(varies, X.std(axis=0), 1)
    return tuple(np.where(varies, (A - mean) / spread, 0) for A in (X, other))
