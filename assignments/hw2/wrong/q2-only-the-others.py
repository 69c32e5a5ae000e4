# hint: The label keeps 1 - eps and gets its part
def smooth(labels, K, eps):
    if not 0 <= eps <= 1:
        raise ValueError("eps")
    hard = np.eye(K)[labels]
    return (1 - eps) * hard + eps / (K - 1) * (1 - hard)
