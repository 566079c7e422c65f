using Iba.Engine.Files;

namespace Iba.Weights;

/// <summary>
/// The demo files that come with the program, so that a first run needs no download: small networks, the statistics of their features,
/// their class names and a photo. They are embedded in the assembly; demo/README.md says how to make them.
/// </summary>
public static class Demo
{
    /// <summary>A text file with one class name per line.</summary>
    public const string Classes = "demo-classes.txt";

    /// <summary>A photo of a class that the networks know.</summary>
    public const string Sample = "sample.png";

    /// <summary>The networks' names on the command line; the first one explains the sample.</summary>
    public static IReadOnlyList<string> Networks { get; } = ["demo-resnet50", "demo-vgg16"];

    /// <summary>How photos are prepared for the networks, as in their training.</summary>
    public static InputTransform Input => InputTransform.ImageNet;

    /// <summary>The weights of a network: a safetensors file with torchvision's names.</summary>
    public static string Weights(string network) => $"{network}.safetensors";

    /// <summary>The statistics of its features at the paper's layer.</summary>
    public static string Statistics(string network) => $"{network}.statistics.safetensors";

    /// <summary>Writes a file to a folder, unless it is there already.</summary>
    /// <param name="file">One of the names above.</param>
    /// <param name="folder">Created if missing.</param>
    /// <returns>The file's path.</returns>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public static string Extract(string file, string folder)
    {
        byte[] bytes = Bytes(file);
        string path = Path.Combine(folder, file);
        // Another version of the program may have left a different file there.
        if (!File.Exists(path) || !File.ReadAllBytes(path).AsSpan().SequenceEqual(bytes))
            AtomicFile.Write(path, bytes);
        return path;
    }

    /// <summary>The bytes of a file.</summary>
    /// <param name="file">One of the names above.</param>
    public static byte[] Bytes(string file) =>
        EmbeddedFile.Read(typeof(Demo).Assembly, file) ?? throw new ArgumentException($"'{file}' does not come with the program", nameof(file));
}
