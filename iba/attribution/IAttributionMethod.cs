namespace Iba.Attribution;

/// <summary>The progress of a batch.</summary>
/// <param name="ImagesDone">Images finished.</param>
/// <param name="Images">Total images.</param>
/// <param name="Step">Steps done of the images in progress.</param>
/// <param name="Steps">Total steps of each image.</param>
/// <param name="Note">An optional one-line message for the user.</param>
public readonly record struct AttributionProgress(int ImagesDone, int Images, int Step, int Steps, string? Note = null)
{
    /// <summary>The device is out of memory, and the work continues in smaller batches.</summary>
    internal static AttributionProgress Halved(int imagesDone, int images, int left, string what = "images") =>
        new(imagesDone, images, 0, 1, $"the device's memory is full: going on with {left} {what} at a time, with the same results.");
}

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
    /// <exception cref="Engine.Backends.DeviceMemoryException">The device's memory does not suffice for one image. If it suffices for fewer
    /// images than requested, batches become smaller, and progress says so.</exception>
    IEnumerable<Attribution> Attribute(
        IReadOnlyList<Sample> samples, IProgress<AttributionProgress>? progress = null, CancellationToken cancellation = default);
}
