namespace Engine.Training;

/// <summary>
/// A learning rate that rises evenly over the first steps, while the optimizer knows little, and then falls along half a cosine to 0
/// (Loshchilov and Hutter 2017, without restarts).
/// </summary>
/// <param name="Peak">The largest rate.</param>
/// <param name="WarmUp">Steps to get there.</param>
/// <param name="Steps">Steps in all.</param>
public sealed record CosineSchedule(double Peak, long WarmUp, long Steps)
{
    /// <summary>The rate of a step, counted from 0.</summary>
    public double At(long step) => step < WarmUp
        ? Peak * (step + 1) / WarmUp
        : Peak * 0.5 * (1 + Math.Cos(Math.PI * Math.Min(step - WarmUp, Steps - WarmUp) / Math.Max(Steps - WarmUp, 1)));
}
