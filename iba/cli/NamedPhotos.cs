using Iba.Datasets;
using Iba.Images;

namespace Iba.Cli;

/// <summary>The photos that a command line names, looked up before a network is loaded.</summary>
internal static class NamedPhotos
{
    /// <summary>What a command takes that looks at photos one by one, in words.</summary>
    public const string Words =
        "Photos: files, folders with all sub-folders, patterns such as 'photos/**/*.jpg', or - for one photo's bytes on standard input.";

    /// <summary>What --images takes, in words.</summary>
    public const string Folder = "A folder of photos with all sub-folders, or a pattern such as 'photos/*/*.jpg'; may be given more than once.";

    /// <summary>Those of IMAGE: names that stand for no photo are told, and the others go on without them.</summary>
    /// <param name="names">The names.</param>
    /// <param name="json">Whether each that fails is also a line of JSON, as a photo is that cannot be read.</param>
    /// <exception cref="UsageException">No name stands for a photo.</exception>
    public static PhotoSet Some(string[] names, bool json)
    {
        PhotoSet photos = Find(names, "");
        foreach (ImageException failure in photos.Failures)
            FailureLine.Tell(failure.Subject, failure.Message, json);
        return photos;
    }

    /// <summary>Those of IMAGE where every name must stand for a photo.</summary>
    /// <exception cref="UsageException">A name does not.</exception>
    public static PhotoSet All(string[] names) => Whole(names, "");

    /// <summary>Those of --images, which are used as one set.</summary>
    /// <exception cref="UsageException">A name stands for no photo, or for standard input, which holds one only.</exception>
    public static PhotoSet Images(string[] names) => names.Contains(PhotoSet.StandardInput)
        ? throw new UsageException($"--images {PhotoSet.StandardInput}: standard input holds one photo, and --images needs many. Name a folder of photos.")
        : Whole(names, "--images ");

    /// <summary>How a command ends that has done what it could: a name that stands for no photo is an input that failed.</summary>
    public static ExitCode Outcome(this PhotoSet photos, ExitCode code) => code == ExitCode.Done && photos.Failures.Count > 0 ? ExitCode.Partial : code;

    /// <summary>Warns of a file among --images that is not a photo.</summary>
    public static void WarnLeftOut(ImageException failure) => Terminal.Warn($"passed over: {failure.Message}");

    /// <summary>Warns where some folders are named after classes, but not all of them.</summary>
    public static void WarnUnused(FolderLabels labels)
    {
        if (labels.Warning is { } warning)
            Terminal.Warn(warning);
    }

    /// <summary>The bytes of the photo on standard input, read once.</summary>
    /// <exception cref="ImageException">There are none, or more than are read of a file.</exception>
    public static byte[] StandardInput => Input.Value;

    private static Lazy<byte[]> Input { get; } = new(() =>
    {
        using Stream input = Console.OpenStandardInput();
        using var bytes = new MemoryStream();
        byte[] part = new byte[1 << 16];
        for (int count = input.Read(part); count > 0 && bytes.Length <= PhotoFile.MaxPipeBytes; count = input.Read(part))
            bytes.Write(part, 0, count);
        return bytes.Length is > 0 and <= PhotoFile.MaxPipeBytes ? bytes.ToArray() : throw new ImageException(
            "standard input", bytes.Length == 0 ? "it is empty" : $"it has more than the {PhotoFile.MaxPipeBytes >> 20} MiB that are read",
            "Send one photo's bytes, as in: iba predict - < photo.jpg");
    });

    private static PhotoSet Whole(string[] names, string option)
    {
        PhotoSet photos = Find(names, option);
        return photos.Failures.Count == 0 ? photos : throw new UsageException($"{option}{photos.Failures[0].Message}");
    }

    private static PhotoSet Find(string[] names, string option)
    {
        try
        {
            var photos = new PhotoSet(names, Interrupt.Token);
            foreach (string note in photos.Notes)
                Terminal.Say($"{note}.");
            return photos;
        }
        catch (ImageException none)
        {
            throw new UsageException($"{option}{none.Message}");
        }
    }
}
