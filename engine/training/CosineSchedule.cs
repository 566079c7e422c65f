namespace Iba.Engine.Training;

/// <summary>
/// A learning rate that rises linearly over the first steps (warm-up), because the optimizer's statistics are poor at first, and then falls
/// along half a cosine to 0 (Loshchilov and Hutter 2017, without restarts).
/// </summary>
/// <param name="Peak">The largest rate.</param>
/// <param name="WarmUp">Steps of the warm-up.</param>
/// <param name="Steps">Total steps.</param>
public sealed record CosineSchedule(double Peak, long WarmUp, long Steps)
{
    /// <summary>The rate of a step, counted from 0.</summary>
    public double At(long step) => step < WarmUp
        ? Peak * (step + 1) / WarmUp
        : Peak * 0.5 * (1 + Math.Cos(Math.PI * Math.Min(step - WarmUp, Steps - WarmUp) / Math.Max(Steps - WarmUp, 1)));
}
