namespace Iba.Attribution;

/// <summary>How far a batch has come.</summary>
/// <param name="ImagesDone">Images finished.</param>
/// <param name="Images">Images in all.</param>
/// <param name="Step">Steps done of the images under way.</param>
/// <param name="Steps">Steps that each image takes.</param>
/// <param name="Note">What a person should know, in a line; null mostly.</param>
public readonly record struct AttributionProgress(int ImagesDone, int Images, int Step, int Steps, string? Note = null)
{
    /// <summary>The device's memory was full, and the work goes on in smaller batches.</summary>
    internal static AttributionProgress Halved(int imagesDone, int images, int left, string what = "images") =>
        new(imagesDone, images, 0, 1, $"the device's memory is full: going on with {left} {what} at a time, with the same results.");
}

/// <summary>A way to say which pixels a classification rests on.</summary>
public interface IAttributionMethod : IDisposable
{
    /// <summary>The method's name on the command line.</summary>
    string Name { get; }

    /// <summary>Explains images, as many at a time as the method was made for; the result of one does not depend on the others.</summary>
    /// <param name="samples">The images.</param>
    /// <param name="progress">Told now and then.</param>
    /// <param name="cancellation">Asked between steps.</param>
    /// <returns>One attribution per sample, in their order, as they are finished.</returns>
    /// <exception cref="Engine.Backends.DeviceMemoryException">The device has no room for even one image. Where it has room for fewer than
    /// asked for, fewer are taken, and progress says so.</exception>
    IEnumerable<Attribution> Attribute(
        IReadOnlyList<Sample> samples, IProgress<AttributionProgress>? progress = null, CancellationToken cancellation = default);
}
