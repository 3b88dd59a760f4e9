import java.io.FileInputStream;
import java.io.InputStream;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.PDFAParser;
import org.verapdf.pdfa.PDFAValidator;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;
import org.verapdf.pdfa.results.ValidationResult;

/** Asks veraPDF whether each file is PDF/A-2a and PDF/UA-1; says which clause is broken where it is not. */
public class Validate {
    public static void main(String[] files) throws Exception {
        VeraGreenfieldFoundryProvider.initialise();
        boolean isGood = true;
        for (String file : files) {
            for (String name : new String[] {"2a", "ua1"}) {
                PDFAFlavour flavour = PDFAFlavour.fromString(name);
                try (InputStream bytes = new FileInputStream(file);
                        PDFAParser parser = Foundries.defaultInstance().createParser(bytes, flavour);
                        PDFAValidator validator = Foundries.defaultInstance().createValidator(flavour, false)) {
                    ValidationResult result = validator.validate(parser);
                    System.out.println(file + " " + name + (result.isCompliant() ? " compliant" : " NOT compliant"));
                    isGood &= result.isCompliant();
                    for (TestAssertion found : result.getTestAssertions()) {
                        if (found.getStatus() == TestAssertion.Status.FAILED) {
                            System.out.println("  " + found.getRuleId().getClause() + ": " + found.getMessage()
                                    + " at " + found.getLocation().getContext());
                        }
                    }
                }
            }
        }
        System.exit(isGood ? 0 : 1);
    }
}
