namespace Iba;

/// <summary>A method that assigns each pixel its share of the evidence for a classification.</summary>
public interface IAttributionMethod : IDisposable
{
    /// <summary>The method's name on the command line.</summary>
    string Name { get; }

    /// <summary>Explains images, in batches. The result of one image does not depend on the others.</summary>
    /// <param name="samples">The images.</param>
    /// <param name="progress">Called from time to time.</param>
    /// <param name="cancellation">Checked between steps.</param>
    /// <returns>One attribution per sample, in their order, as they are finished.</returns>
    /// <exception cref="Iba.Engine.Backends.DeviceMemoryException">The device's memory does not suffice for one image. If it suffices for fewer
    /// images than requested, batches become smaller, and progress says so.</exception>
    IEnumerable<Explanation> Attribute(
        IReadOnlyList<Sample> samples, IProgress<AttributionProgress>? progress = null, CancellationToken cancellation = default);
}
