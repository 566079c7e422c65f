namespace Tests.Textbook;

/// <summary>The bottleneck's formulas, paper equations 2 and 5, neuron by neuron.</summary>
public static class BottleneckTextbook
{
    public static Exact Standardise(Exact x, Exact mean, Exact std) =>
        x.Like(i => (x[i] - mean[i % x.Shape.Row]) / std[i % x.Shape.Row]);

    /// <summary>λ x + (1 - λ) (mean + std ε) for every copy; ε has the copies of an image one after the other.</summary>
    public static Exact Restrict(Exact x, Exact λ, Exact mean, Exact std, Exact active, Exact ε, bool clamp)
    {
        int row = x.Shape.Row, copies = ε.Shape.N / x.Shape.N;
        return ε.Like(i =>
        {
            int feature = i % row, from = i / row / copies * row + feature;
            double noise = mean[feature] + std[feature] * ε[i];
            double z = active[feature] * (λ[from] * x[from] + (1 - λ[from]) * noise);
            return clamp && z < 0 ? 0 : z;
        });
    }

    /// <summary>KL divergence of N(λ r, (1 - λ)²) from N(0, 1), in nats.</summary>
    public static Exact Information(Exact r, Exact λ, Exact active) => r.Like(i =>
    {
        double mean = λ[i] * r[i], variance = (1 - λ[i]) * (1 - λ[i]);
        return active[i % r.Shape.Row] * 0.5 * (mean * mean + variance - Math.Log(variance) - 1);
    });
}
