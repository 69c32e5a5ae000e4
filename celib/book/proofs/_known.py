"""Definitions that later chapters use without printing them again.

Each stands in its chapter as the numbered equation of that label; a test compares
the two.
"""

__all__ = ["KNOWN"]

KNOWN = {
    "eq-cross-entropy": r"H(p, q) = -\sum_{k=1}^{K} p_k \log q_k",
    "eq-expected-surprisal": r"H(p) = -\sum_{k=1}^{K} p_k \log p_k",
    "eq-kl": r"D(p \,\|\, q) = \sum_{k=1}^{K} p_k \log \frac{p_k}{q_k}",
    "eq-js": r"\begin{aligned} \mathrm{JS}(p, q) "
    r"&= \tfrac12 D(p \,\|\, m) + \tfrac12 D(q \,\|\, m) , \\ "
    r"m &= \tfrac12 (p + q) \end{aligned}",
    "eq-softmax": r"q_k = \frac{e^{z_k}}{\sum_{j=1}^{K} e^{z_j}}",
    "eq-lse": r"\mathrm{LSE}(z) = \log \sum_{k=1}^{K} e^{z_k}",
    "eq-binary-sigmoid": r"\sigma(z) = \frac{1}{1 + e^{-z}}",
}
